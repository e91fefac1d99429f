//! What queries are read as.
