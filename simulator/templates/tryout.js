// Sliders, and an answer without a new page. The form works without this.
"use strict";
const form = document.querySelector("form");
const answer = document.getElementById("answer");
let waiting = 0;
let latest = 0;

// Left to right is a factor of 100 each way around what the files say, or the range itself where that is small.
for (const field of form.querySelectorAll("input[type=number]")) {
  const usual = Number(field.placeholder);
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = 200;
  slider.setAttribute("aria-label", field.parentElement.firstChild.textContent);
  const least = Number(field.min);
  const most = Number(field.max);
  const whole = field.dataset.step === "1";
  const double = field.dataset.step === "double";
  const wide = usual > 0 && most / usual > 50;
  const near = (value) => Math.min(most, Math.max(least, whole ? Math.round(value) : Number(value.toPrecision(3))));
  const span = least < 0 ? 2 * Math.abs(usual) || 10 : most - least;
  const from = least < 0 ? usual - span : least;
  const width = least < 0 ? 2 * span : span;
  const powers = Math.log2(most / least);
  // The far left is nothing, where that can be said.
  const wider = (place) => (place === 0 && least === 0 ? 0 : usual * 100 ** (place / 100 - 1));
  const value = (place) => double ? least * 2 ** Math.round((powers * place) / 200) : near(wide ? wider(place) : from + (width * place) / 200);
  const place = (at) => double ? (200 * Math.log2(at / least)) / powers : (wide ? 100 * (1 + Math.log(at / usual) / Math.log(100)) : (200 * (at - from)) / width);
  slider.value = place(field.value === "" ? usual : Number(field.value));
  slider.addEventListener("input", () => { field.value = value(Number(slider.value)); });
  field.addEventListener("input", () => { slider.value = place(field.value === "" ? usual : Number(field.value)); });
  field.parentElement.append(slider);
}

async function show() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") query.append(name, value);
  const mine = ++latest;
  answer.setAttribute("aria-busy", "true");
  const reply = await fetch("/answer?" + query).catch(() => null);
  if (mine !== latest) return;
  answer.removeAttribute("aria-busy");
  if (reply === null) return;
  const text = await reply.text();
  const html = (reply.headers.get("content-type") || "").startsWith("text/html");
  if (html) answer.innerHTML = text;
  else answer.textContent = text;
  if (reply.ok) history.replaceState(null, "", "/?" + query);
}

form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 150); });
form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
