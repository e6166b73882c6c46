use super::grouped;

#[test]
fn thousands_are_set_apart() {
    let numbers = [
        (0, "0"),
        (12, "12"),
        (999, "999"),
        (1000, "1,000"),
        (-1_234_567, "-1,234,567"),
    ];
    for (number, text) in numbers {
        assert_eq!(grouped(number), text);
    }
    assert_eq!(grouped("1234.50"), "1,234.50");
}
