//! `/console/check-mail`: says that a mail may be on its way, the same for every address.

use actix_web::{HttpResponse, web};
use portcullis_web::{Problem, Route};

use crate::form_page::MessagePage;
use crate::page::{Frame, page};
use crate::paths;
use crate::sign_in::first_step;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route { path: paths::CHECK_MAIL, ..first_step::SHOW };

/// Shows the notice.
pub(crate) async fn show(site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    let t = &ENGLISH;
    let frame = Frame::new(&site, t.check_mail_title);
    let (text, action) = (t.check_mail_text, t.check_mail_action);
    page(&MessagePage { frame, text, action, path: paths::SIGN_IN })
}
