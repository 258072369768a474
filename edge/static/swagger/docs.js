// Starts Swagger UI on our own description; a file of its own, since inline scripts are not allowed.
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
});
