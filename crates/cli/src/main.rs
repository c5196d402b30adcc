//! The command `refunds`.
fn main() {}
