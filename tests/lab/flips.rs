//! Ten thousand flips.
