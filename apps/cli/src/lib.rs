//! Verbs over the REST API
