//! A client of the Avi REST API: sessions, paging, errors
