"use strict";
HTMLFormElement.prototype.submit.call(document.forms[0]);
