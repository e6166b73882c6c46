use super::*;

#[test]
fn debug_does_not_show_a_secret() {
    for value in [sensitive("canary"), bearer("canary"), basic("canary", "p")] {
        let shown = format!("{:?}", value.unwrap());
        assert_eq!(shown, "Sensitive");
    }
}

#[test]
fn an_error_does_not_repeat_the_secret() {
    let error = bearer("canary\u{7}").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn credentials_are_written_as_http_wants_them() {
    assert_eq!(basic("u", "p:w").unwrap(), "Basic dTpwOnc=");
    assert_eq!(bearer(" t\n").unwrap(), "Bearer t");
}
