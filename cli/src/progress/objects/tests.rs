use super::grouped;

#[test]
fn large_numbers_are_grouped() {
    let texts = [0, 999, 1_000, 12_345, 1_234_567].map(grouped);
    assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
}
