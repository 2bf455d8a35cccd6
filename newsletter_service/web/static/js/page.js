// Every page: tells the style sheet that JavaScript runs.
document.documentElement.classList.add("js");
