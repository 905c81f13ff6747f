//! The one door to the optional `log` crate.

/// Says at level `warn` what a user should know and no error can tell; compiles to nothing without the feature `log`.
macro_rules! warning {
    ($($argument:tt)+) => {{
        #[cfg(feature = "log")]
        log::warn!($($argument)+);
        #[cfg(not(feature = "log"))]
        let _ = format_args!($($argument)+);
    }};
}

pub(crate) use warning;
