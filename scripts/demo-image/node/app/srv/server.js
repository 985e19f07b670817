// A small server as many are: a framework, a few of node's own modules, one route.
const crypto = require('node:crypto')
const express = require('express')

const app = express()
app.get('/', (_request, response) => response.json({ status: 'ok', id: crypto.randomUUID() }))
const server = app.listen(Number(process.env.PORT || 8000), () => {
  console.log(`listening on ${server.address().port}`)
})
