/** The page's content security policy. @module */
import { Ledger } from "refund-ledger";
import { reconcile } from "refund-ledger/reconcile";
import type { Plugin } from "vite";

/**
 * Writes the policy where `index.html` says `%POLICY%`.
 *
 * The frame with the report is under the page's policy and under its own. Both let in one style and one
 * script, by their hashes; the page takes them from a report, so that they are always those of the
 * package that is built in.
 */
export function policy(): Plugin {
  return {
    name: "policy",
    async transformIndexHtml(html) {
      const report = await emptyReport();
      const style = hashIn(report, "style-src");
      const script = hashIn(report, "script-src");
      return html.replace(
        "%POLICY%",
        [
          "default-src 'none'",
          `script-src 'self' 'wasm-unsafe-eval' ${script}`,
          `style-src 'self' ${style}`,
          "img-src 'self'",
          "connect-src 'self'",
          "worker-src 'self' blob:",
          "frame-src blob:",
          "base-uri 'none'",
          "form-action 'none'",
        ].join("; "),
      );
    },
  };
}

async function emptyReport(): Promise<string> {
  const reconciled = await reconcile({
    source: "csv",
    map: "key=Key,amount=Amount,currency=Currency,date=Date",
    statement: "Key,Amount,Currency,Date\n",
    ledger: await Ledger.open(),
  });
  return reconciled.html();
}

/** The hash that the report's own policy lets in. */
function hashIn(report: string, directive: string): string {
  const hash = new RegExp(`${directive} ('sha256-[A-Za-z0-9+/=]+')`).exec(report)?.[1];
  if (hash === undefined) {
    throw new Error(`the report's policy has no hash in \`${directive}\``);
  }
  return hash;
}
