import { render } from 'preact';

import { App } from './app';
import './style.css';
import './pages.css';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
render(<App />, root);
