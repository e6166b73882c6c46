use super::*;

#[tokio::test]
async fn a_refused_connection_names_host_and_port_but_no_path() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/secret-path?token=secret-token");
    let error = crate::client().unwrap().get(url).send().await.unwrap_err();
    let cause = transport_cause(&error);
    assert!(
        cause.starts_with(&format!("no connection to {address} (")),
        "{cause}"
    );
    assert!(cause.contains("refused"), "{cause}");
    assert!(!cause.contains("secret"), "{cause}");
    assert_eq!(
        transport_cause(&error.without_url()),
        "no connection (Connection refused (os error 111))"
    );
}
