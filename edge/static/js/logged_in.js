/* Back from a login provider: from here on this browser knows that somebody is logged in. */
import { ask, member } from "./api.js";

const answer = await ask("GET", "/v1/me");
if (answer.ok) member.remember(answer.body.name);
location.replace(document.getElementById("onward").href);
