//! poised
