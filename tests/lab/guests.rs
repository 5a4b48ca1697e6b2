//! Other guests.
