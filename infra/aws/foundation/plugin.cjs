// Serverless takes plugins from below the directory of the service only.
module.exports = require('../plugin.cjs');
