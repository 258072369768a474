/* Razorpay's Checkout over the page: loaded when it is first needed, closed a little before the hold ends. */
import { ask, now } from "./api.js";

const ENDS_BEFORE_HOLD_SECONDS = 5;
let loading = null;

function load(origin) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${origin}/v1/checkout.js`;
    script.onload = resolve;
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("checkout.js did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

/** Pay for a booking. Ends with paid, dismissed, timeout or unavailable; `onAttempt(text)` tells of attempts that failed. */
export async function pay(booking, { origin, title, user, onAttempt = () => {} }) {
  const seconds = Math.floor((Date.parse(booking.held_until) - now()) / 1000) - ENDS_BEFORE_HOLD_SECONDS;
  if (seconds <= 0) return { kind: "timeout" };
  try {
    await load(origin);
  } catch {
    return { kind: "unavailable" };
  }
  return new Promise((resolve) => {
    const checkout = new window.Razorpay({
      key: booking.payment.key_id,
      order_id: booking.payment.razorpay_order_id,
      name: "Frontrow",
      description: `${title} · ${booking.code}`,
      prefill: { name: user?.name ?? "", email: user?.email ?? "" },
      theme: { color: "#9f1239" },
      timeout: seconds,
      handler: (fields) => resolve({ kind: "paid", fields }),
      modal: { ondismiss: (reason) => resolve({ kind: reason === "timeout" ? "timeout" : "dismissed" }) },
    });
    checkout.on("payment.failed", (news) => onAttempt(news.error?.description ?? "The bank declined it."));
    checkout.open();
  });
}

/** Tell the shop what Checkout handed back. Not heard is no harm: the provider reports the payment too. */
export function verify(bookingId, { razorpay_order_id, razorpay_payment_id, razorpay_signature }) {
  return ask("POST", `/v1/bookings/${bookingId}/payment/verify`, { razorpay_order_id, razorpay_payment_id, razorpay_signature });
}
