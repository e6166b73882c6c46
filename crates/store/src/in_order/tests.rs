use tokio::task::yield_now;

#[tokio::test]
async fn the_first_error_in_order_counts_whichever_is_seen_first() {
    let cause = async {
        yield_now().await;
        Err::<(), _>("the statement failed")
    };
    let refusal = async { Err::<(), _>("the transaction is aborted") };
    let before = async { Ok(1) };
    assert_eq!(
        in_order!(before, cause, refusal),
        Err("the statement failed")
    );
}
