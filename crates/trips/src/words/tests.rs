use super::{counted, grouped};

#[test]
fn thousands_are_set_apart() {
    let numbers = [
        (0, "0"),
        (12, "12"),
        (999, "999"),
        (1000, "1,000"),
        (12_345, "12,345"),
        (1_234_567, "1,234,567"),
        (-1_234_567, "-1,234,567"),
    ];
    for (number, text) in numbers {
        assert_eq!(grouped(number), text);
    }
    assert_eq!(grouped("1234.50"), "1,234.50");
}

#[test]
fn a_noun_follows_its_number() {
    let texts = [
        (0, "block", "0 blocks"),
        (1, "block", "1 block"),
        (2, "block", "2 blocks"),
        (1, "delivery", "1 delivery"),
        (2, "delivery", "2 deliveries"),
        (2, "day", "2 days"),
        (1_000, "key", "1000 keys"),
    ];
    for (count, noun, text) in texts {
        assert_eq!(counted(count, noun).to_string(), text);
    }
    assert_eq!(format!("{:#}", counted(1_000, "row")), "1,000 rows");
    assert_eq!(counted(1, "row").with("is", "are"), "1 row is");
    assert_eq!(counted(2_usize, "row").with("is", "are"), "2 rows are");
}
