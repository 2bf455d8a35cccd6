// Every page: tells the style sheet that JavaScript runs, and leads to the errors of a form.
document.documentElement.classList.add("js");

const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();
