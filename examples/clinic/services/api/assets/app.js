document.documentElement.lang = "en";
//# sourceMappingURL=app.js.map
