use super::*;

#[test]
fn splits_a_clause() {
    let found = tokens("end_time>='2020-01-01' AND n <> 3.5").unwrap();
    assert_eq!(
        found,
        [
            Token::Name("end_time".into()),
            Token::Symbol(">="),
            Token::Text("2020-01-01".into()),
            Token::Name("AND".into()),
            Token::Name("n".into()),
            Token::Symbol("<>"),
            Token::Number(3.5),
        ]
    );
}

#[test]
fn quotes_double_inside_quotes() {
    assert_eq!(
        tokens("'it''s' `a b`").unwrap(),
        [Token::Text("it's".into()), Token::Name("a b".into())]
    );
    assert!(tokens("'open").is_err());
    assert!(tokens("a ; b").is_err());
}
