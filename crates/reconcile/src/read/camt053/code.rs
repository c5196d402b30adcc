//! Bank transaction codes: what is a refund, and what the return of one.

/// A code as the parts that a bank gave.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) domain: String,
    pub(super) family: String,
    pub(super) sub_family: String,
    pub(super) proprietary: String,
}

/// What a transaction says besides its code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    pub(super) is_debit: bool,
    /// `RvslInd`.
    pub(super) is_reversal: bool,
    /// `RtrInf`.
    pub(super) is_return: bool,
}

/// What a transaction is to refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refund,
    Returned,
    Other,
}

/// Cash management, accounts, derivatives, loans and deposits, foreign exchange, precious metals,
/// commodities, trade services, securities.
const OTHER_DOMAINS: [&str; 9] = [
    "CAMT", "ACMT", "DERV", "LDAS", "FORX", "PMET", "CMDT", "TRAD", "SECU",
];

/// Issued and received direct debits, the owner's cards, cash at a counter.
const OTHER_FAMILIES: [&str; 4] = ["IDDT", "RDDT", "CCRD", "CNTR"];

/// Received credit transfers, ordinary and instant.
const RECEIVED: [&str; 2] = ["RCDT", "RRCT"];

/// Issued credit transfers, ordinary and instant.
const ISSUED: [&str; 2] = ["ICDT", "IRCT"];

/// Charges, commissions, fees, interest, taxes; salaries and standing orders, also across borders.
const OTHER_SUB_FAMILIES: [&str; 12] = [
    "CHRG", "COME", "COMI", "COMM", "COMT", "FEES", "INTR", "TAXE", "SALA", "XBSA", "STDO", "XBST",
];

impl Code {
    pub(super) fn clear(&mut self) {
        for part in [
            &mut self.domain,
            &mut self.family,
            &mut self.sub_family,
            &mut self.proprietary,
        ] {
            part.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.domain.is_empty() && self.proprietary.is_empty()
    }

    /// The code as reports name it.
    pub(super) fn name(&self) -> String {
        if !self.domain.is_empty() {
            return format!("{}/{}/{}", self.domain, self.family, self.sub_family);
        }
        match self.proprietary.as_str() {
            "" => "without a code".into(),
            code => code.into(),
        }
    }

    pub(super) fn verdict(&self, signs: Signs) -> Verdict {
        let family = self.family.as_str();
        let sub_family = self.sub_family.as_str();
        if OTHER_DOMAINS.contains(&self.domain.as_str())
            || OTHER_FAMILIES.contains(&family)
            || OTHER_SUB_FAMILIES.contains(&sub_family)
        {
            return Verdict::Other;
        }
        if signs.is_debit {
            let takes_back = signs.is_reversal || RECEIVED.contains(&family);
            return if takes_back {
                Verdict::Other
            } else {
                Verdict::Refund
            };
        }
        let returned = ISSUED.contains(&family) && sub_family == "RRTN";
        if returned || signs.is_return || signs.is_reversal {
            Verdict::Returned
        } else {
            Verdict::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_by_code_and_signs() {
        use Verdict::{Other, Refund, Returned};
        for (code, debit, reversal, returned, expected) in [
            ("PMNT/ICDT/ESCT", true, false, false, Refund),
            ("PMNT/IRCT/ESCT", true, false, false, Refund),
            ("PMNT/MCRD/POSP", true, false, false, Refund),
            ("XTND/NTAV/NTAV", true, false, false, Refund),
            ("//", true, false, false, Refund),
            ("PAYM/0001/0005", true, false, false, Refund),
            ("PMNT/ICDT/ESCT", true, true, false, Other),
            ("PMNT/ICDT/CHRG", true, false, false, Other),
            ("PMNT/ICDT/SALA", true, false, false, Other),
            ("PMNT/IDDT/PRDD", true, false, true, Other),
            ("PMNT/RDDT/ESDD", true, false, false, Other),
            ("PMNT/RCDT/RRTN", true, false, true, Other),
            ("PMNT/CCRD/POSD", true, false, false, Other),
            ("ACMT/MDOP/CHRG", true, false, false, Other),
            ("LDAS/NTAV/NTAV", true, false, false, Other),
            ("PMNT/ICDT/RRTN", false, false, false, Returned),
            ("PMNT/IRCT/RRTN", false, false, false, Returned),
            ("PMNT/ICDT/ESCT", false, true, false, Returned),
            ("PMNT/RCDT/ESCT", false, false, true, Returned),
            ("//", false, false, true, Returned),
            ("//", false, false, false, Other),
            ("PMNT/RCDT/ESCT", false, false, false, Other),
            ("PMNT/RDDT/PRDD", false, false, true, Other),
            ("PMNT/ICDT/CHRG", false, true, false, Other),
            ("PMNT/RCDT/RRTN", false, false, false, Other),
        ] {
            let mut parts = code.split('/').map(str::to_owned);
            let mut part = || parts.next().unwrap();
            let code = Code {
                domain: part(),
                family: part(),
                sub_family: part(),
                ..Code::default()
            };
            let signs = Signs {
                is_debit: debit,
                is_reversal: reversal,
                is_return: returned,
            };
            assert_eq!(code.verdict(signs), expected, "{} {signs:?}", code.name());
        }
    }
}
