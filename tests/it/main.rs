//! Tests of the core: no system library, no display.

mod architecture;
