use super::*;
use rstest::rstest;

#[rstest]
#[case("7d8e-dm7r", "7d8e-dm7r")]
#[case(" 7D8E-DM7R ", "7d8e-dm7r")]
fn reads_a_dataset_id(#[case] text: &str, #[case] id: &str) {
    assert_eq!(text.parse::<DatasetId>().unwrap().as_str(), id);
}

#[rstest]
#[case("")]
#[case("7d8edm7r")]
#[case("7d8e-dm7")]
#[case("7d8e-dm7rr")]
#[case("7d8e-dm7r-aaaa")]
#[case("../e-dm7r")]
#[case("7d8e_dm7r")]
fn refuses_what_is_not_a_dataset_id(#[case] text: &str) {
    assert_eq!(text.parse::<DatasetId>(), Err(DatasetIdError));
    assert!(serde_json::from_value::<DatasetId>(text.into()).is_err());
}

#[rstest]
#[case("data.example.gov", "https://data.example.gov/")]
#[case("https://data.example.gov", "https://data.example.gov/")]
#[case("https://data.example.gov/", "https://data.example.gov/")]
#[case("data.example.gov:8443", "https://data.example.gov:8443/")]
#[case("http://127.0.0.1:9000", "http://127.0.0.1:9000/")]
#[case("http://localhost:9000", "http://localhost:9000/")]
#[case("http://[::1]:9000", "http://[::1]:9000/")]
fn an_endpoint_is_a_host_or_a_url(#[case] text: &str, #[case] url: &str) {
    assert_eq!(parse_endpoint(text).unwrap().as_str(), url);
}

#[rstest]
#[case("", EndpointError::NotAnAddress)]
#[case("https://", EndpointError::NotAnAddress)]
#[case("a host", EndpointError::NotAnAddress)]
#[case("http://data.example.gov", EndpointError::NotSecure)]
#[case("ftp://data.example.gov", EndpointError::NotSecure)]
#[case("http://127.0.0.1.example.com", EndpointError::NotSecure)]
#[case("https://user:password@data.example.gov", EndpointError::HasLogin)]
#[case("user@data.example.gov", EndpointError::HasLogin)]
#[case("https://:password@data.example.gov", EndpointError::HasLogin)]
fn refuses_other_endpoints(#[case] text: &str, #[case] error: EndpointError) {
    assert_eq!(parse_endpoint(text), Err(error));
}

#[rstest]
#[case("data.example.gov/resource/abcd-2345.json", true)]
#[case("https://data.example.gov/d/abcd-2345/", true)]
#[case("https://data.example.gov/?$limit=1", true)]
#[case("data.example.gov#top", true)]
#[case(" https://data.example.gov/ ", false)]
#[case("data.example.gov", false)]
#[case("user@data.example.gov/d", false)]
fn a_path_is_not_used(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(has_unused_path(text), expected);
    if expected {
        let url = parse_endpoint(text).unwrap();
        assert_eq!(url.as_str(), "https://data.example.gov/");
    }
}
