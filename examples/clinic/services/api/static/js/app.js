document.title = "Patient portal";
fetch("/patients?name=Test");
//# sourceMappingURL=app.js.map
