//! What the lines of an ACL file give to whom.

use super::*;
use proptest::prelude::*;

/// `name`, `name+role`, `-` for an anonymous client; the client identifier is `c1`.
fn identity(who: &str) -> Identity {
    let (name, role) = who.split_once('+').unwrap_or((who, ""));
    Identity {
        username: Some(name.into()),
        client_id: "c1".into(),
        roles: if role.is_empty() { Arc::default() } else { [ByteString::from(role)].into() },
        anonymous: name == "-",
        superuser: role == SUPERUSER,
        ..Identity::default()
    }
}

const ACL: &str = "
# for clients without a password
topic read weather/#
topic public

user alice
topic readwrite plant/#
topic deny plant/secret/#
topic read $SYS/#

user bob smith
topic write in/bob smith

role observer
topic read $events/#
topic read watched/%u

role crew
topic crew/+/chat

pattern readwrite devices/%u/%c/#
pattern write hello/%c
";

/// Which of publishing and receiving is open.
fn check(acl: &str, who: &str, topic: &str) -> &'static str {
    let acl = Acl::parse(acl).unwrap();
    let permissions = acl.permissions(&identity(who));
    match (permissions.may_publish(topic), permissions.may_read(topic)) {
        (true, true) => "readwrite",
        (true, false) => "write",
        (false, true) => "read",
        (false, false) => "none",
    }
}

#[test]
fn lines_give_what_they_say_to_whom_they_say() {
    for (who, topic, expected) in [
        ("-", "weather/today", "read"),
        ("-", "weather", "read"),
        ("-", "public", "readwrite"),
        ("-", "plant/1", "none"),
        ("alice", "weather/today", "none"),
        ("alice", "plant/1", "readwrite"),
        ("alice", "plant/secret", "none"),
        ("alice", "plant/secret/1", "none"),
        ("alice", "plant/secretary", "readwrite"),
        ("alice", "$SYS/uptime", "read"),
        ("bob smith", "in/bob smith", "write"),
        ("bob", "in/bob smith", "none"),
        ("carol+observer", "$events/client_connack", "read"),
        ("carol+observer", "watched/carol", "read"),
        ("carol", "watched/carol", "none"),
        ("carol", "$events/client_connack", "none"),
        ("carol+crew", "crew/7/chat", "readwrite"),
        ("carol+crew", "crew/7/8/chat", "none"),
        ("carol", "devices/carol/c1/temp", "readwrite"),
        ("carol", "devices/alice/c1/temp", "none"),
        ("carol", "devices/carol/c2/temp", "none"),
        ("carol", "hello/c1", "write"),
        ("-", "hello/c1", "write"),
        ("-", "devices/-/c1/temp", "none"),
        ("root+superuser", "plant/secret", "readwrite"),
        ("root+superuser", "$events/client_connack", "read"),
    ] {
        assert_eq!(check(ACL, who, topic), expected, "{who} {topic}");
    }
}

#[test]
fn nobody_publishes_where_the_broker_does() {
    let acl =
        "user a\ntopic readwrite $events/#\ntopic readwrite $SYS/#\ntopic readwrite $other/#\ntopic readwrite #\n";
    for topic in ["$events/client_connack", "$SYS/x", "$SYS"] {
        assert_ne!(check(acl, "a", topic), "readwrite", "{topic}");
        assert_ne!(check(acl, "root+superuser", topic), "readwrite", "{topic}");
    }
    assert_eq!(check(acl, "a", "$other/x"), "readwrite");
    assert_eq!(check(acl, "a", "$eventsx"), "none", "`#` does not stand for topics that begin with `$`");
}

#[test]
fn without_an_acl_all_is_open_but_what_the_broker_says() {
    let open = Permissions::open();
    for (topic, expected) in [
        ("a/b", (true, true)),
        ("$other/x", (true, true)),
        ("$events/client_connack", (false, false)),
        ("$SYS", (false, false)),
        ("$SYS/uptime", (false, false)),
        ("$sources/x", (false, false)),
        ("$eventsx/y", (true, true)),
    ] {
        assert_eq!((open.may_publish(topic), open.may_read(topic)), expected, "{topic}");
    }
    let readable = |filter: &str| open.readable(&filter.parse().unwrap(), 0).0;
    assert_eq!((readable("#"), readable("$events/#"), readable("+/x")), (Readable::All, Readable::None, Readable::All));
    assert_eq!((readable("$share/g/$SYS/+"), readable("$share/g/a")), (Readable::None, Readable::All));
}

#[test]
fn a_subscription_is_refused_only_where_nothing_could_come() {
    let acl = Acl::parse("user a\ntopic read x/+\ntopic read y/#\ntopic deny y/1\ntopic write z\npattern deny %c/+\n")
        .unwrap();
    let permissions = acl.permissions(&identity("a"));
    for (filter, expected) in [
        ("x/1", Readable::All),
        ("x/+", Readable::All),
        ("x/#", Readable::Some),
        ("#", Readable::Some),
        ("+/1", Readable::Some),
        ("y/#", Readable::Some),
        ("y/2/#", Readable::All),
        ("y/1", Readable::None),
        ("z", Readable::None),
        ("$SYS/#", Readable::None),
        ("c1/+", Readable::None),
        ("$share/g/x/+", Readable::All),
        ("$share/g/z", Readable::None),
    ] {
        let filter: mqtt::Filter = filter.parse().unwrap();
        assert_eq!(permissions.readable(&filter, 0).0, expected, "{filter}");
        assert_eq!(permissions.may_subscribe(&filter), expected != Readable::None, "{filter}");
    }
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    for acl in [
        "user a\ntopic deny x\ntopic x\n",
        "user a\ntopic x\ntopic deny x\n",
        "user a\ntopic x\nrole crew\ntopic deny x\n",
        "role crew\ntopic x\nuser a\ntopic deny x\n",
        "user a\ntopic x\npattern deny x\n",
        "pattern deny %u\nrole crew\ntopic x\npattern a\n",
    ] {
        let topic = if acl.contains("%u") { "a" } else { "x" };
        assert_eq!(check(acl, "a+crew", topic), "none", "{acl}");
    }
}

#[test]
fn names_that_could_reach_further_get_nothing_from_patterns_and_are_still_denied() {
    let acl = Acl::parse("pattern readwrite in/%c/x\npattern deny out/%c/#\npattern readwrite out/#\n").unwrap();
    for name in ["+", "#", "a/b", "a+", ""] {
        let permissions = acl.permissions(&Identity { client_id: name.into(), ..identity("u") });
        for topic in ["in/a/x", "in/a/b/x", "in//x", "in/+/x"] {
            assert!(!permissions.may_publish(topic) && !permissions.may_read(topic), "{name} {topic}");
        }
        assert!(!permissions.may_publish("out/a/b") && permissions.may_publish("out"), "{name}");
    }
    let anonymous = Acl::parse("pattern readwrite %u/x\npattern deny no/%u/x\npattern write no/#\n").unwrap();
    let permissions = anonymous.permissions(&identity("-"));
    assert!(!permissions.may_publish("-/x"), "nobody has checked the name of an anonymous client");
    assert!(!permissions.may_publish("no/-/x") && permissions.may_publish("no/x"));
}

#[test]
fn names_are_put_in_once() {
    let acl = Acl::parse("pattern write %u-%c/100%/%%u\n").unwrap();
    let permissions = acl.permissions(&identity("%c"));
    assert!(permissions.may_publish("%c-c1/100%/%%c"));
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_may_be_meant() {
    let text = "usr a\nuser\ntopic raed x\ntopic reed x\ntopic a/#/b\n# fine\ntopic\ntopic read $share/g/x\nrole a,b\nrole superuser\ntopic a b\n";
    let faults = Acl::parse(text).unwrap_err();
    let not_last = format!("{} of `a/#/b`", mqtt::Filter::parse("a/#/b").unwrap_err());
    let told: Vec<_> = faults.iter().map(|f| (f.line, f.message.as_str(), f.help.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        told,
        [
            (1, "expected `user`, `role`, `topic` or `pattern`, found `usr`", "did you mean `user`?"),
            (2, "expected a user name after `user`, found nothing", ""),
            (3, "expected `read`, `write`, `readwrite` or `deny`, found `raed`", "did you mean `read`?"),
            (4, "expected `read`, `write`, `readwrite` or `deny`, found `reed`", "did you mean `read`?"),
            (5, &not_last, ""),
            (7, "expected a topic filter after `topic`, found nothing", ""),
            (
                8,
                "expected a topic filter without a share group, found `$share/g/x`",
                "write `x`; it holds for shared subscriptions too"
            ),
            (9, "expected a role of letters, digits, `_` and `-`, found `a,b`", ""),
            (10, "expected a role of your own, found `superuser`, which may do everything already", ""),
            (
                11,
                "expected `read`, `write`, `readwrite` or `deny`, found `a`",
                "for a filter with spaces write `topic readwrite a b`"
            ),
        ]
    );
}

#[test]
fn a_name_in_a_topic_line_is_warned_about() {
    let acl = Acl::parse("user a\ntopic read devices/%u\n").unwrap();
    let [warning] = acl.warnings() else { panic!("expected one warning, found {:?}", acl.warnings()) };
    assert_eq!(
        (warning.line, warning.help.as_deref()),
        (2, Some("for the names of the client write `pattern devices/%u`"))
    );
}

#[test]
fn text_of_editors_of_another_make_is_read() {
    assert_eq!(check("\u{feff}user a\r\n\ttopic\tread\t x y \r\n", "a", "x y"), "read");
}

fn line() -> impl Strategy<Value = (String, String, String)> {
    let access = prop_oneof![Just("read"), Just("write"), Just("readwrite"), Just("deny")];
    let filter = "(a|b|\\+)(/(a|b|\\+)){0,2}(/#)?|#";
    let keyword = prop_oneof![Just("topic"), Just("pattern")];
    (keyword, access, filter).prop_map(|(keyword, access, filter)| (keyword.into(), access.into(), filter))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_lines_that_exist(text in "(user|role|topic|pattern|read|deny| |\n|#|[a-z%$+/]){0,40}") {
        match Acl::parse(&text) {
            Ok(acl) => {
                let permissions = acl.permissions(&identity("a+b"));
                permissions.may_publish("a/b");
            }
            Err(faults) => {
                let lines = text.lines().count();
                prop_assert!(!faults.is_empty() && faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
            }
        }
    }

    #[test]
    fn rules_give_what_looking_at_each_of_them_gives(
        lines in proptest::collection::vec(line(), 0..8),
        topic in "(a|b|c)(/(a|b|c)){0,3}",
        filter in "(a|b|\\+)(/(a|b|\\+)){0,2}(/#)?",
    ) {
        let text: String = lines.iter().map(|(keyword, access, filter)| format!("{keyword} {access} {filter}\n")).collect();
        let permissions = Acl::parse(&format!("user u\n{text}")).unwrap().permissions(&identity("u"));
        let any = |wanted: &[&str]| lines.iter().any(|(_, access, filter)| {
            wanted.contains(&access.as_str()) && mqtt::filter::matches(filter, &topic)
        });
        prop_assert_eq!(permissions.may_publish(&topic), any(&["write", "readwrite"]) && !any(&["deny"]), "{}", text);
        prop_assert_eq!(permissions.may_read(&topic), any(&["read", "readwrite"]) && !any(&["deny"]), "{}", text);
        if mqtt::filter::matches(&filter, &topic) {
            match permissions.readable(&filter.parse().unwrap(), 0).0 {
                Readable::All => prop_assert!(permissions.may_read(&topic), "{} {}", text, filter),
                Readable::None => prop_assert!(!permissions.may_read(&topic), "{} {}", text, filter),
                Readable::Some => {}
            }
        }
    }
}
