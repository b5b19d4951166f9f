"use strict";
// Everything that comes from the service is put in as text, never as markup.

const base = location.pathname.replace(/\/docs\/?$/, "");

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function resolve(api, schema) {
  return schema && schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema || {};
}

function limits(schema) {
  const words = { minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<", minLength: "length ≥", maxLength: "length ≤", minItems: "items ≥", maxItems: "items ≤" };
  const said = Object.keys(words).filter((word) => word in schema).map((word) => `${words[word]} ${schema[word]}`);
  if (schema.items && !schema.items.$ref) said.push(...limits(schema.items).map((limit) => `each ${limit}`));
  return said;
}

function kind(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  return [schema.type || "any"].flat().join(" or ") + (schema.title ? ` (${schema.title})` : "");
}

function fieldTable(schema, taken) {
  const head = make("tr", {}, ...["field", "type", "limits", ""].map((word) => make("th", {}, word)));
  const rows = Object.entries(schema.properties || {}).map(([name, field]) => {
    const needed = (schema.required || []).includes(name) ? "required" : `default ${JSON.stringify(field.default)}`;
    const said = [taken && needed, field.description].filter(Boolean).join(". ");
    return make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, kind(field)), make("td", {}, limits(field).join(", ")), make("td", {}, said));
  });
  return make("div", { class: "wide" }, make("table", {}, head, ...rows));
}

function example(api, schema) {
  const resolved = resolve(api, schema);
  if (resolved.examples) return resolved.examples[0];
  if (resolved.type === "array") return [example(api, resolved.items)];
  const entries = Object.entries(resolved.properties || {}).map(([name, field]) => [name, example(api, field)]);
  return Object.fromEntries(entries);
}

// Shown once a reply says that this worker needs a key; it is kept in this page alone.
const key = make("input", { type: "password", autocomplete: "off", "aria-label": "key" });
const keyLine = make("p", { hidden: "" }, "This worker answers records only with a key: ", key);

async function ask(method, path, body, shown) {
  const began = performance.now();
  const status = make("p", { class: "status", role: "status" });
  const content = make("pre", {});
  try {
    const given = key.value && { Authorization: `Bearer ${key.value}` };
    const request = method === "POST" ? { method, body, headers: { "Content-Type": "application/json", ...given } } : { method };
    const reply = await fetch(path, request);
    const text = await reply.text();
    const isJson = (reply.headers.get("content-type") || "").includes("json");
    if (reply.status === 401) keyLine.hidden = false;
    if (!reply.ok) status.classList.add("bad");
    status.textContent = `${reply.status} ${reply.statusText}, ${(performance.now() - began).toFixed(1)} ms, request ${reply.headers.get("x-request-id")}`;
    content.textContent = isJson ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch (error) {
    status.classList.add("bad");
    status.textContent = `no reply: ${error.message}`;
  }
  shown.replaceChildren(status, content);
}

function endpoint(api, path, method, operation) {
  const inside = make("div", { class: "inside" });
  const schema = operation.requestBody && operation.requestBody.content["application/json"].schema;
  const area = make("textarea", { rows: "8", spellcheck: "false", "aria-label": `body for ${path}` });
  if (schema) {
    area.value = JSON.stringify(example(api, schema), null, 2);
    area.rows = Math.min(16, area.value.split("\n").length);
    inside.append(make("h3", {}, "Takes"), fieldTable(resolve(api, schema), true), make("h3", {}, "Try it"), area);
  }
  const shown = make("div", {});
  const button = make("button", { type: "button" }, schema ? "Send" : "Ask");
  button.addEventListener("click", () => ask(method.toUpperCase(), path, area.value, shown));
  inside.append(button, shown);
  const gives = operation.responses["200"]?.content?.["application/json"];
  const reply = gives && resolve(api, gives.schema);
  if (reply && reply.properties) inside.append(make("h3", {}, "Gives"), fieldTable(reply, false));
  const words = Object.entries(operation.responses).map(([code, response]) => make("tr", {}, make("td", {}, make("code", {}, code)), make("td", {}, response.description)));
  inside.append(make("h3", {}, "Statuses"), make("table", {}, ...words));
  const line = make("summary", {}, make("span", { class: `verb ${method}` }, method.toUpperCase()), make("code", {}, path), make("span", { class: "what" }, operation.summary));
  return make("details", path === `${base}/predict` ? { open: "" } : {}, line, inside);
}

async function show() {
  const page = document.getElementById("endpoints");
  const reply = await fetch(`${base}/openapi.json`);
  if (!reply.ok) {
    page.replaceChildren(make("p", { class: "status bad" }, `openapi.json: ${reply.status}. No model is loaded; the worker's log says why.`));
    return;
  }
  const api = await reply.json();
  document.title = document.getElementById("title").textContent = api.info.title;
  document.getElementById("description").textContent = api.info.description;
  document.getElementById("version").textContent = api.info.version;
  const all = Object.entries(api.paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => [path, verb, operation]));
  const part = (title, verb) => [make("h2", {}, title), ...all.filter((one) => one[1] === verb).map(([path, method, operation]) => endpoint(api, path, method, operation))];
  page.replaceChildren(keyLine, ...part("Predict", "post"), ...part("About", "get"));
  const health = await fetch(`${base}/health`);
  document.getElementById("health").textContent = health.ok ? "healthy" : `not healthy (${health.status})`;
}

show();
