//! When refusals are the portal's, and when they may be of the blocks.

use super::*;

/// The refusals of these blocks, one after the other.
fn refused(blocks: &[(i64, &str, &str)], several_providers: bool) -> Vec<bool> {
    let refusals = Refusals::default();
    let of = |(block, provider, reason): &(i64, &str, &str)| {
        refusals.are_of_every_block(*block, provider, reason, several_providers)
    };
    blocks.iter().map(of).collect()
}

#[test]
fn the_third_equal_refusal_in_a_row_is_the_portals() {
    let same = [(1, "bird", "why"), (2, "bird", "why"), (3, "bird", "why")];
    assert_eq!(refused(&same, false), [false, false, true]);
}

#[test]
fn other_reasons_and_one_block_again_are_no_row() {
    let reasons = [(1, "bird", "a"), (2, "bird", "b"), (3, "bird", "a")];
    assert_eq!(refused(&reasons, false), [false; 3]);
    let again = [(1, "bird", "a"), (1, "bird", "a"), (1, "bird", "a")];
    assert_eq!(refused(&again, false), [false; 3]);
}

#[test]
fn the_blocks_of_one_provider_do_not_hold_up_those_of_another() {
    let blocks = [
        (1, "bird", "a"),
        (2, "bird", "a"),
        (3, "bird", "a"),
        (4, "lime", "a"),
    ];
    assert_eq!(refused(&blocks, true), [false, false, false, true]);
}

#[test]
fn what_the_portal_takes_ends_the_row() {
    let refusals = Refusals::default();
    for block in 1..=4 {
        assert!(!refusals.are_of_every_block(block, "bird", "a", false));
        if block == 2 {
            refusals.end();
        }
    }
}
