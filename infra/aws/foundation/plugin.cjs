// This file exists because Serverless loads local plugins only from the directory that contains serverless.yml.
module.exports = require('../plugin.cjs');
