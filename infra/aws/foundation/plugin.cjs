// Serverless loads local plugins only from the directory of the service.
module.exports = require('../plugin.cjs');
