/* Checkout for the shop's page: window.Razorpay, as the provider documents it, over the emulator's hosted page.
   The page comes in a frame from the emulator's own origin. What it says is believed only when it comes from that
   origin and from that very frame; what it is told goes nowhere else. */
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  var MAX_RETRIES = 20;

  function Razorpay(options) {
    if (!(this instanceof Razorpay)) { return new Razorpay(options); }
    options = options || {};
    if (!options.key) { throw new Error("No key passed"); }
    if (!options.order_id) { throw new Error("No order_id passed"); }
    this.options = options;
    this.listeners = {};
    this.overlay = null;
  }

  Razorpay.prototype.on = function (event, callback) {
    (this.listeners[event] = this.listeners[event] || []).push(callback);
    return this;
  };

  Razorpay.prototype.open = function () {
    if (this.overlay) { return this; }
    var options = this.options, self = this;
    if (options.redirect && options.callback_url) {
      location.assign(home + "/checkout?" + this._query({ callback_url: options.callback_url }));
      return this;
    }
    var modal = options.modal || {};
    var overlay = document.createElement("div");
    overlay.setAttribute("role", "dialog");
    overlay.setAttribute("aria-modal", "true");
    overlay.setAttribute("aria-label", "Checkout");
    overlay.style.cssText = "position:fixed;inset:0;z-index:2147483647;background:" +
      ((options.theme && options.theme.backdrop_color) || "rgba(8,14,26,.6)") +
      ";display:flex;align-items:center;justify-content:center";
    var box = document.createElement("div");
    var small = window.innerWidth < 640;
    box.style.cssText = "position:relative;width:min(46rem,100%);height:" +
      (small ? "100%" : "min(36rem,100%);border-radius:14px") + ";" +
      "overflow:hidden;background:#fff;box-shadow:0 20px 60px rgba(0,0,0,.35)";
    var frame = document.createElement("iframe");
    frame.title = "Checkout";
    frame.style.cssText = "width:100%;height:100%;border:0;display:block";
    frame.src = home + "/checkout?" + this._query({ embed: location.origin });
    var cross = document.createElement("button");
    cross.type = "button";
    cross.setAttribute("aria-label", "Close checkout");
    cross.textContent = "\u00d7";
    cross.style.cssText = "position:absolute;top:.6rem;right:.6rem;width:2.25rem;height:2.25rem;border:0;" +
      "border-radius:50%;background:rgba(0,0,0,.45);color:#fff;font:1.4rem/1 system-ui;cursor:pointer";
    cross.onclick = function () { self._dismiss(); };
    overlay.onclick = function (event) {
      if (event.target === overlay && modal.backdropclose) { self._dismiss(); }
    };
    box.append(frame, cross);
    overlay.append(box);
    this.overlay = overlay;
    this.frame = frame;
    this.escapes = modal.escape !== false;
    this.hear = function (event) { self._hear(event); };
    this.key = function (event) { if (event.key === "Escape" && self.escapes) { self._dismiss(); } };
    this.focusBefore = document.activeElement;
    window.addEventListener("message", this.hear);
    document.addEventListener("keydown", this.key);
    document.body.append(overlay);
    frame.focus();
    if (options.timeout > 0) {
      this.clock = setTimeout(function () { self._dismiss("timeout"); }, options.timeout * 1000);
    }
    return this;
  };

  /* Documented: closes Checkout as if the buyer had done it. */
  Razorpay.prototype.close = function () { this._dismiss(); };

  Razorpay.prototype._query = function (more) {
    var options = this.options, prefill = options.prefill || {}, retry = options.retry, retries = MAX_RETRIES;
    if (retry === false || (retry && retry.enabled === false)) {
      retries = 1;
    } else if (retry && retry.max_count >= 0) {
      retries = Math.min(retry.max_count + 1, MAX_RETRIES);
    }
    var query = new URLSearchParams({ key: options.key, order_id: options.order_id, retries: retries });
    var texts = { name: options.name, description: options.description, email: prefill.email,
      contact: prefill.contact, method: prefill.method, color: options.theme && options.theme.color };
    Object.keys(texts).forEach(function (name) { if (texts[name]) { query.set(name, texts[name]); } });
    Object.keys(more).forEach(function (name) { query.set(name, more[name]); });
    return query.toString();
  };

  Razorpay.prototype._hear = function (event) {
    if (event.origin !== home || !this.frame || event.source !== this.frame.contentWindow) { return; }
    var news = event.data && event.data.razorpayEmulator;
    if (!news) { return; }
    if (news.type === "success") {
      this._remove();
      this._succeed(news.fields);
    } else if (news.type === "payment.failed") {
      (this.listeners["payment.failed"] || []).forEach(function (callback) { callback({ error: news.error }); });
    } else if (news.type === "escape" && this.escapes) {
      this._dismiss();
    }
  };

  Razorpay.prototype._succeed = function (fields) {
    if (typeof this.options.handler === "function") {
      this.options.handler(fields);
      return;
    }
    if (!/^https?:\/\//i.test(this.options.callback_url || "")) { return; }
    var form = document.createElement("form");
    form.method = "post";
    form.action = this.options.callback_url;
    Object.keys(fields).forEach(function (name) {
      var input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = fields[name];
      form.append(input);
    });
    document.body.append(form);
    form.submit();
  };

  Razorpay.prototype._dismiss = function (reason) {
    if (!this.overlay) { return; }
    this._remove();
    var modal = this.options.modal || {};
    if (typeof modal.ondismiss === "function") { modal.ondismiss(reason); }
  };

  Razorpay.prototype._remove = function () {
    clearTimeout(this.clock);
    window.removeEventListener("message", this.hear);
    document.removeEventListener("keydown", this.key);
    this.overlay.remove();
    this.overlay = this.frame = null;
    if (this.focusBefore && this.focusBefore.focus) { this.focusBefore.focus(); }
  };

  window.Razorpay = Razorpay;
})();
