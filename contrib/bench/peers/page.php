<?php
// SPDX-License-Identifier: MIT
// What people write by hand: file_exists(), a 503, a page.
if (file_exists($_SERVER['BENCH_FLAG'])) {
	http_response_code(503);
	header('Retry-After: 3600');
	header('Cache-Control: no-store');
	readfile($_SERVER['BENCH_PAGE']);
}
