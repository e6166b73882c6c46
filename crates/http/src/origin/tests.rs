use super::*;
use rstest::rstest;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[rstest]
#[case("https://mds.example.com/", true)]
#[case("http://mds.example.com/", false)]
#[case("http://127.0.0.1:8080/", true)]
#[case("http://127.9.9.9/", true)]
#[case("http://[::1]:80/", true)]
#[case("http://LOCALHOST/", true)]
#[case("http://localhost.example.com/", false)]
#[case("http://127.0.0.1.example.com/", false)]
#[case("http://10.0.0.1/", false)]
#[case("ftp://localhost/", false)]
fn credentials_go_over_tls_or_stay_on_this_machine(#[case] text: &str, #[case] secure: bool) {
    assert_eq!(is_secure(&url(text)), secure);
}

#[rstest]
#[case("https://a.example/x?y", "https://a.example:443/z", true)]
#[case("https://a.example/", "https://b.example/", false)]
#[case("https://a.example/", "http://a.example/", false)]
#[case("https://a.example/", "https://a.example:8443/", false)]
#[case("https://a.example/", "https://A.EXAMPLE/", true)]
fn an_origin_is_scheme_host_and_port(#[case] a: &str, #[case] b: &str, #[case] same: bool) {
    assert_eq!(same_origin(&url(a), &url(b)), same);
}

#[test]
fn credentials_and_fragment_are_cut_out_of_a_url() {
    let stripped = without_credentials(url("https://u:p@a.example:8443/x?y#z"));
    assert_eq!(stripped.as_str(), "https://a.example:8443/x?y");
}

#[rstest]
#[case(
    "https://a.example/x",
    "http://a.example/y?page=2",
    "https://a.example/y?page=2"
)]
#[case("https://a.example", "http://a.example:443/y", "https://a.example/y")]
#[case(
    "https://a.example:8443",
    "http://a.example:8443/y",
    "https://a.example:8443/y"
)]
#[case(
    "https://a.example",
    "http://a.example:8080/y",
    "http://a.example:8080/y"
)]
#[case("https://a.example:8443", "http://a.example/y", "http://a.example/y")]
#[case("https://a.example", "http://b.example/y", "http://b.example/y")]
#[case("http://127.0.0.1:80", "http://127.0.0.1/y", "http://127.0.0.1/y")]
#[case("https://a.example", "ftp://a.example/y", "ftp://a.example/y")]
fn plain_http_on_the_same_host_and_port_becomes_tls(
    #[case] origin: &str,
    #[case] url: &str,
    #[case] expected: &str,
) {
    let (origin, url) = (Url::parse(origin).unwrap(), Url::parse(url).unwrap());
    assert_eq!(over_tls_as(&origin, url).as_str(), expected);
}
