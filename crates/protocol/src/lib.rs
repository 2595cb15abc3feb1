//! What goes over the wire between our own processes: descriptors in, reports out.

#![forbid(unsafe_code)]
