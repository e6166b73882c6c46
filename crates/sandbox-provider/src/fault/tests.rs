use super::*;

#[test]
fn faults_of_an_hour_happen_one_after_the_other() {
    let faults = Faults::default();
    faults.add(7, Fault::NotReady, Times::Next(2));
    faults.add(7, Fault::HtmlPage200, Times::Next(1));
    let happened: Vec<_> = (0..4).map(|_| faults.next(7)).collect();
    assert_eq!(
        happened,
        [
            Some(Fault::NotReady),
            Some(Fault::NotReady),
            Some(Fault::HtmlPage200),
            None
        ]
    );
    assert_eq!(faults.next(8), None);
    faults.add(8, Fault::NotReady, Times::Always);
    assert_eq!(
        (faults.next(8), faults.next(8)),
        (Some(Fault::NotReady), Some(Fault::NotReady))
    );
}
