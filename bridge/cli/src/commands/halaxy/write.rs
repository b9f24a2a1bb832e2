//! Writes that people ask for, and what is printed of them.

use crate::args::ByArg;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::times;
use adapter_halaxy::endpoints::Request;
use bridge_admin::actions::{Actions, Done, LOOK, document};
use bridge_admin::receipts::Progress;

/// Sends a write, unless its key was used before.
pub(in crate::commands) async fn run(
    key: Option<&str>,
    actions: &Actions,
    request: &Request,
    out: &Output,
) -> Result<Exit, Failure> {
    let key = key.map(str::to_owned).unwrap_or_else(|| {
        let key = uuid::Uuid::now_v7().to_string();
        out.remark(format!("request key: {key}"));
        key
    });
    let done = actions.write(request, &key, &ByArg { by: None }.name()).await?;
    let exit = told(request, &key, &done, out);
    if let Some(words) = done.advice {
        out.remark(words);
    }
    Ok(exit)
}

/// Prints what became of a write, and what the command ends with.
fn told(request: &Request, key: &str, done: &Done, out: &Output) -> Exit {
    let receipt = &done.receipt;
    let (exit, mut text) = match receipt.progress {
        Progress::Done => {
            let about = match &receipt.id {
                Some(id) => format!("{}: done, {}/{id}", receipt.action, request.endpoint.resource),
                None => format!("{}: done", receipt.action),
            };
            (Exit::Done, about)
        }
        Progress::Refused => {
            let code = receipt.code.as_deref().unwrap_or_default();
            let about = format!("{}: refused ({code}); nothing was done", receipt.action);
            (Exit::Failed, about)
        }
        Progress::Sent | Progress::Unknown => (Exit::Waiting, format!("{}: {LOOK}", receipt.action)),
    };
    if done.repeated {
        text.push_str(&format!(
            " (asked for {} already; nothing was sent now)",
            times::iso(receipt.at)
        ));
    }
    out.line(&text);
    out.document(&document(request, key, done, times::now()));
    exit
}
