/* What each state of a booking is called, and what it means for the buyer. */

/** `{name, tone, headline, text}`; tone is busy, good, failed, waiting or empty. `paid` is what this page knows already. */
export function describe(booking, paid = false) {
  const payment = booking.payment ?? {};
  switch (booking.status) {
    case "queued":
      return {
        name: "In line", tone: "busy", headline: "You are in line",
        text: booking.ahead > 0 ? `${booking.ahead.toLocaleString("en-IN")} ${booking.ahead === 1 ? "wish is" : "wishes are"} decided before yours.` : "Yours is decided any moment.",
      };
    case "held":
      if (paid || ["authorized", "captured"].includes(payment.status)) {
        return { name: "Confirming", tone: "busy", headline: "Payment received", text: "Your seats are being confirmed." };
      }
      if (payment.method === "wallet") return { name: "Held", tone: "busy", headline: "Your seats are held", text: "Paying from your wallet…" };
      if (payment.method === "none") return { name: "Held", tone: "busy", headline: "Your seats are held", text: "Nothing to pay; confirming them…" };
      if (payment.status === "ready") return { name: "Held", tone: "waiting", headline: "Your seats are held", text: "They are kept for you until the time runs out." };
      return { name: "Held", tone: "busy", headline: "Your seats are held", text: "The payment is being prepared…" };
    case "confirmed":
      return {
        name: "Confirmed", tone: "good", headline: "They’re yours",
        text: booking.tickets.length ? "Your tickets are ready; they come by mail too." : "Your tickets are being made.",
      };
    case "expired":
      return {
        name: "Expired", tone: "failed", headline: "The time ran out",
        text: "The seats went back on sale. Should a payment of yours still arrive, it wins them if they are free, or comes back to you by itself.",
      };
    case "refused":
      return { name: "Refused", tone: "failed", headline: booking.refusal?.title ?? "Not this time", text: booking.refusal?.detail ?? "" };
    case "failed":
      return { name: "Failed", tone: "failed", headline: booking.refusal?.title ?? "This did not work out", text: booking.refusal?.detail ?? "The seats went back on sale, and nothing was taken from you." };
    case "cancelled":
      return { name: "Cancelled", tone: "", headline: "Cancelled", text: "The seats went back on sale." };
    case "refunding":
      return { name: "Refunding", tone: "busy", headline: "Your money is on its way back", text: "The seats could not be yours." };
    case "refunded":
      return { name: "Refunded", tone: "", headline: "Your money went back", text: "Depending on your bank it takes a few days to show." };
    default:
      return { name: booking.status, tone: "", headline: booking.status, text: "" };
  }
}
