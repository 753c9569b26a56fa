<?php
// SPDX-License-Identifier: MIT
// What people put before a site in PHP: one look at a flag, then a 503 and a page.
clearstatcache();
if (file_exists($_SERVER['BENCH_FLAG'] ?? getenv('BENCH_FLAG'))) {
	http_response_code(503);
	header('Content-Type: text/html; charset=utf-8');
	header('Retry-After: 3600');
	header('Cache-Control: no-store');
	readfile($_SERVER['BENCH_ANSWER'] ?? getenv('BENCH_ANSWER'));
}
