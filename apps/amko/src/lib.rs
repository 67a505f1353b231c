//! The multi-cluster operator: watch, translate, reconcile, status
