/**
 * `X.node` stands for X.node.ts, as it does for the compiler and for jest; Node would take the X.node.json next to it.
 */
const { extensions } = require;
const json = extensions['.json'];
delete extensions['.json'];
extensions['.json'] = json;
