//! Authorization: decisions with and without the context that a grant needs.

use crate::answer::call;
use crate::tokens;

#[actix_web::test]
async fn a_role_with_the_grant_is_let_in_and_so_is_its_senior() {
    for role in ["coordinator", "admin"] {
        let ann = tokens::account();
        let answer = call("/schedules", &tokens::of(ann, role)).await;
        answer.assert_allowed(&ann.to_string());
    }
}

#[actix_web::test]
async fn a_role_without_the_grant_is_denied_and_only_the_log_says_why() {
    let ann = tokens::account();
    let answer = call("/schedules", &tokens::of(ann, "faculty")).await;
    answer.assert_denied(&format!("faculty {ann}: schedule create denied: no grant"));
}

#[actix_web::test]
async fn words_that_the_matrix_does_not_know_are_denied() {
    let ann = tokens::account();
    let answer = call("/schedules", &tokens::of(ann, "emperor")).await;
    answer.assert_denied(&format!("emperor {ann}: schedule create denied: unknown role"));
    let answer = call("/planets", &tokens::of(ann, "admin")).await;
    answer.assert_denied(&format!("admin {ann}: (unknown) create denied: unknown resource"));
}

#[actix_web::test]
async fn nobody_approves_their_own_absence() {
    let (ann, ben) = (tokens::account(), tokens::account());
    let token = tokens::of(ann, "coordinator");
    call(&format!("/absences/of/{ben}"), &token).await.assert_allowed("approved");
    let own = call(&format!("/absences/of/{ann}"), &token).await;
    let log = own.log.clone().unwrap();
    assert!(log.contains("absence approve denied: not_own does not hold"), "{log}");
    own.assert_denied(&log);
}

#[actix_web::test]
async fn a_grant_whose_context_is_missing_is_no_grant() {
    let token = tokens::of(tokens::account(), "coordinator");
    for path in ["/absences", "/absences/forgetful"] {
        let answer = call(path, &token).await;
        let log = answer.log.clone().unwrap();
        assert!(log.contains("not_own needs an owner"), "{log}");
        answer.assert_denied(&log);
    }
}

#[actix_web::test]
async fn only_the_parties_read_a_swap() {
    let [ann, ben, cleo] = [tokens::account(), tokens::account(), tokens::account()];
    let path = format!("/swaps/between/{ann}/{ben}");
    for party in [ann, ben] {
        call(&path, &tokens::of(party, "faculty")).await.assert_allowed("read");
    }
    let stranger = call(&path, &tokens::of(cleo, "faculty")).await;
    let log = stranger.log.clone().unwrap();
    assert!(log.contains("party does not hold"), "{log}");
    stranger.assert_denied(&log);
}

#[actix_web::test]
async fn a_grant_with_two_conditions_needs_both() {
    let [ann, ben, cleo] = [tokens::account(), tokens::account(), tokens::account()];
    let path = format!("/swap-requests/of/{ann}/with/{ben}");
    call(&path, &tokens::of(ben, "faculty")).await.assert_allowed("approved");
    for (caller, unmet) in [(ann, "not_own does not hold"), (cleo, "party does not hold")] {
        let answer = call(&path, &tokens::of(caller, "faculty")).await;
        let log = answer.log.clone().unwrap();
        assert!(log.contains(unmet), "{log}");
        answer.assert_denied(&log);
    }
}

#[actix_web::test]
async fn a_handler_cannot_ask_as_somebody_else() {
    let (ann, ben) = (tokens::account(), tokens::account());
    let path = format!("/absences/of/{ann}/as/{ben}");
    let answer = call(&path, &tokens::of(ann, "coordinator")).await;
    let log = answer.log.clone().unwrap();
    assert!(log.contains("not_own does not hold"), "{log}");
    answer.assert_denied(&log);
}
