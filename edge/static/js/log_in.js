/* The log-in page. */
import { accountForm, logIn } from "./account_form.js";

accountForm(document.getElementById("log-in"), logIn);
