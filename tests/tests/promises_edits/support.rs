//! Both CRMs.

use adapter_sandbox::CrmKind;

pub const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];
