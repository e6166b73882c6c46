use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rstest::rstest;
use wiremock::ResponseTemplate;

use crate::testing::always;
use crate::{BodyError, read_body};

fn member(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn read(encoding: &str, body: Vec<u8>) -> Result<String, BodyError> {
    let template = ResponseTemplate::new(200).set_body_bytes(body);
    let server = always(template.insert_header("content-encoding", encoding)).await;
    let http = crate::client().unwrap();
    let response = http.get(server.uri()).send().await.unwrap();
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked[0].headers["accept-encoding"], "gzip");
    let body = read_body(response, 1000).await?;
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[rstest]
#[case::one("gzip", &["ten bytes!"], "ten bytes!")]
#[case::of_another_spelling(" X-GZip", &["ten bytes!"], "ten bytes!")]
#[case::several("gzip", &["ten ", "", "bytes!"], "ten bytes!")]
#[case::one_of_nothing("gzip", &[""], "")]
#[case::none_at_all("gzip", &[], "")]
#[tokio::test]
async fn every_member_of_a_gzip_body_is_read(
    #[case] encoding: &str,
    #[case] members: &[&str],
    #[case] expected: &str,
) {
    let body = members.iter().copied().flat_map(member).collect();
    assert_eq!(read(encoding, body).await.unwrap(), expected);
}

#[rstest]
#[case::no_gzip(b"canary, no gzip".to_vec())]
#[case::cut_off(member("ten bytes!")[..14].to_vec())]
#[case::changed({
    let mut body = member("ten bytes!");
    let check = body.len() - 8;
    body[check] ^= 1;
    body
})]
#[case::followed_by_something_else([member("ten bytes!"), b"canary".to_vec()].concat())]
#[tokio::test]
async fn a_body_that_is_no_gzip_is_an_error(#[case] body: Vec<u8>) {
    let error = read("gzip", body).await.unwrap_err();
    assert!(matches!(error, BodyError::Encoding(_)), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn another_encoding_is_left_alone() {
    assert_eq!(
        read("utf-8", b"ten bytes!".to_vec()).await.unwrap(),
        "ten bytes!"
    );
}
