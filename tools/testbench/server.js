// Serves the sinks of @contrast/test-bench-utils, each as /RULE/SINK/unsafe and,
// where the input is treated right, /safe and /noop. /labels says which are flaws.
// Sinks that need a database or a native module are left out, and named there.
'use strict'

const express = require('express')
const fs = require('fs')
const dir = require('path').join(require.resolve('@contrast/test-bench-utils'), '../sinks')

// The CWE of each rule whose sinks answer over HTTP by themselves.
const rules = {
  cmdInjection: 'CWE-78', pathTraversal: 'CWE-22', ssjs: 'CWE-95', unvalidatedRedirect: 'CWE-601', xss: 'CWE-79',
  xssRenderedTemplates: 'CWE-79', xssJSON: 'CWE-79',
}
const app = express()
const labels = []
const out = []

function route (rule, name, kind, call) {
  const path = `/${rule}/${encodeURIComponent(name)}/${kind}`
  labels.push({ path, cwe: rules[rule], flaw: kind === 'unsafe' && rule !== 'xssJSON' })
  app.get(path, async (req, res) => {
    try {
      const answer = await call({ input: String(req.query.input || '') }, { safe: kind === 'safe', noop: kind === 'noop' })
      if (rule === 'xssJSON') return res.json({ input: answer })
      res.type('html').send(String(answer))
    } catch (e) {
      res.status(500).type('text').send('error')
    }
  })
}

for (const rule of Object.keys(rules)) {
  if (rule === 'unvalidatedRedirect') {
    for (const kind of ['unsafe', 'safe']) {
      const path = `/${rule}/redirect/${kind}`
      labels.push({ path, cwe: rules[rule], flaw: kind === 'unsafe' })
      app.get(path, (req, res) => res.redirect(kind === 'safe' ? '/' + encodeURIComponent(req.query.input) : String(req.query.input)))
    }
    continue
  }
  let sinks
  try {
    sinks = fs.existsSync(`${dir}/${rule}.js`) ? require(`${dir}/${rule}.js`) : require(`${dir}/${rule}`)
  } catch (e) {
    out.push(`${rule}: ${e.message.split('\n')[0]}`)
    continue
  }
  for (const [name, sink] of Object.entries(sinks)) {
    if (typeof sink === 'function') {
      for (const kind of ['unsafe', 'safe', 'noop']) route(rule, name, kind, sink)
    }
  }
}

app.get('/', (req, res) => res.type('html').send('<!doctype html><title>sinks</title>' +
  labels.map((l) => `<a href="${l.path}?input=hello">${l.path}</a>`).join('<br>')))
app.get('/labels', (req, res) => res.json({ labels, out }))
app.listen(Number(process.argv[2] || 8398), '127.0.0.1')
process.on('uncaughtException', () => {})
