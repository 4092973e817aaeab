//! Small measurements.
fn main() {
    divan::main();
}
