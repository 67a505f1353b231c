//! The Avi REST API: routes, login, tenancy, versions, status codes
